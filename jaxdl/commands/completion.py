"""`jaxdl completion`: what a shell completes: commands, their flags, names of configs."""

import argparse
import re
from collections.abc import Mapping, Sequence

from jaxdl.catalog import all_configs

HELP = "a script by which bash, zsh or fish complete commands, flags and names of configs"

BASH = """\
_jaxdl() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" words="{commands}"
    if (( COMP_CWORD > 1 )); then
        words="{configs}"
        if [[ $word == -* ]]; then
            words=""
            case "${{COMP_WORDS[1]}}" in
{cases}
            esac
        fi
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _jaxdl jaxdl
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """For which shell."""
    parser.add_argument(
        "shell",
        choices=["bash", "zsh", "fish"],
        help='into ~/.bashrc or ~/.zshrc: eval "$(jaxdl completion bash)"; fish: '
        "jaxdl completion fish > ~/.config/fish/completions/jaxdl.fish",
    )


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Prints the script; `args.parsers` has the parser of each command."""
    flags = {name: flags_of(parser) for name, parser in args.parsers.items()}
    write = fish_script if args.shell == "fish" else bash_script
    if args.shell == "zsh":
        print("autoload -U +X bashcompinit && bashcompinit")
    print(write(flags, sorted(all_configs())), end="")
    return 0


def flags_of(parser: argparse.ArgumentParser) -> list[str]:
    """The long flags that a command knows."""
    return re.findall(r"--[\w.-]+", parser.format_usage())


def bash_script(flags: Mapping[str, Sequence[str]], configs: Sequence[str]) -> str:
    """A function for `complete` of bash, which zsh reads, too."""
    cases = [
        f'                {name}) words="{" ".join(known)}" ;;' for name, known in flags.items()
    ]
    return BASH.format(commands=" ".join(flags), configs=" ".join(configs), cases="\n".join(cases))


def fish_script(flags: Mapping[str, Sequence[str]], configs: Sequence[str]) -> str:
    """Lines of `complete` for fish."""
    first = "__fish_use_subcommand"
    lines = [f"complete -c jaxdl -n {first} -f -a '{' '.join(flags)}'"]
    lines.append(f"complete -c jaxdl -n 'not {first}' -a '{' '.join(configs)}'")
    for name, known in flags.items():
        seen = f"'__fish_seen_subcommand_from {name}'"
        lines += [f"complete -c jaxdl -n {seen} -l {flag[2:]}" for flag in known]
    return "\n".join([*lines, ""])
