"""Words of analogies and association tests: pairs of a relation each; groups and attributes."""

from typing import NamedTuple

# Relations of the kinds of Mikolov et al. 2013 (arXiv 1301.3781, table 1), fewer pairs of each.
RELATIONS = {
    "capital": "athens greece, baghdad iraq, beijing china, berlin germany, cairo egypt, "
    "havana cuba, london england, madrid spain, moscow russia, oslo norway, ottawa canada, "
    "paris france, rome italy, tokyo japan, tehran iran, vienna austria, warsaw poland",
    "nationality": "china chinese, egypt egyptian, england english, france french, germany german, "
    "greece greek, india indian, ireland irish, israel israeli, italy italian, japan japanese, "
    "mexico mexican, poland polish, russia russian, spain spanish, sweden swedish",
    "family": "boy girl, brother sister, brothers sisters, father mother, grandfather grandmother, "
    "he she, his her, husband wife, king queen, man woman, prince princess, son daughter, "
    "sons daughters, uncle aunt",
    "comparative": "bad worse, big bigger, cheap cheaper, deep deeper, easy easier, fast faster, "
    "good better, great greater, hard harder, high higher, large larger, long longer, low lower, "
    "old older, quick quicker, short shorter, small smaller, strong stronger, young younger",
    "past": "dance danced, fly flew, go went, hide hid, jump jumped, play played, run ran, "
    "say said, see saw, sell sold, sing sang, sit sat, sleep slept, swim swam, take took, "
    "walk walked, write wrote",
    "plural": "banana bananas, bird birds, building buildings, car cars, cat cats, child children, "
    "city cities, color colors, computer computers, cow cows, dog dogs, dollar dollars, "
    "eye eyes, finger fingers, hand hands, horse horses, machine machines, man men, woman women",
    "opposite": "able unable, aware unaware, certain uncertain, clear unclear, comfortable "
    "uncomfortable, fair unfair, happy unhappy, honest dishonest, known unknown, likely unlikely, "
    "possible impossible, pleasant unpleasant, usual unusual",
}

PLEASANT = (
    "caress freedom health love peace cheer friend heaven loyal pleasure diamond gentle honest "
    "lucky rainbow diploma gift honor miracle sunrise family happy laughter paradise vacation"
)
UNPLEASANT = (
    "abuse crash filth murder sickness accident death grief poison stink assault disaster hatred "
    "pollute tragedy divorce jail poverty ugly cancer kill rotten vomit agony prison"
)


class AssociationTest(NamedTuple):
    """Groups of words x and y, attributes a and b, and what Caliskan et al. found."""

    x: str
    y: str
    a: str
    b: str
    published: float
    """Their effect size, of 300 numbers a word from 840 billion tokens."""


# Caliskan et al. 2017, arXiv 1608.07187: tests 1, 2, 7, 8 (those of given names are left out: a
# table of frequent plain words has none).
ASSOCIATIONS = {
    "flowers": AssociationTest(
        "aster clover hyacinth marigold poppy azalea crocus iris orchid rose bluebell daffodil "
        "lilac pansy tulip buttercup daisy lily peony violet carnation gladiola magnolia "
        "petunia zinnia",
        "ant caterpillar flea locust spider bedbug centipede fly maggot tarantula bee cockroach "
        "gnat mosquito termite beetle cricket hornet moth wasp blackfly dragonfly horsefly "
        "roach weevil",
        PLEASANT,
        UNPLEASANT,
        1.50,
    ),
    "instruments": AssociationTest(
        "bagpipe cello guitar lute trombone banjo clarinet harmonica mandolin trumpet bassoon drum "
        "harp oboe tuba bell fiddle harpsichord piano viola bongo flute horn saxophone violin",
        "arrow club gun missile spear axe dagger harpoon pistol sword blade dynamite hatchet rifle "
        "tank bomb firearm knife shotgun teargas cannon grenade mace slingshot whip",
        PLEASANT,
        UNPLEASANT,
        1.53,
    ),
    "math": AssociationTest(
        "math algebra geometry calculus equations computation numbers addition",
        "poetry art dance literature novel symphony drama sculpture",
        "male man boy brother he him his son",
        "female woman girl sister she her hers daughter",
        1.06,
    ),
    "science": AssociationTest(
        "science technology physics chemistry einstein nasa experiment astronomy",
        "poetry art shakespeare dance literature novel symphony drama",
        "brother father uncle grandfather son he his him",
        "sister mother aunt grandmother daughter she hers her",
        1.24,
    ),
}
