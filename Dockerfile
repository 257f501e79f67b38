# An image whose command is `jaxdl`.
#   CPU:   docker build -t jaxdl .
#          docker run --rm -v "$PWD:/work" jaxdl run digits_lenet
#   CUDA:  docker build -t jaxdl:cuda --build-arg EXTRAS=cuda,detection,caption,rl .
#          docker run --rm --gpus all -v "$PWD:/work" jaxdl:cuda run digits_lenet
# JAX's CUDA wheels bring CUDA along: the host needs NVIDIA's driver and container toolkit alone.
FROM python:3.13-slim
ARG EXTRAS=detection,caption,rl
COPY . /src
RUN pip install --no-cache-dir "/src[${EXTRAS}]" && rm -r /src
ENV TFDS_DATA_DIR=/data/tfds JAXDL_DATA_DIR=/data/files JAXDL_WEIGHTS_DIR=/data/weights
WORKDIR /work
ENTRYPOINT ["jaxdl"]
CMD ["--help"]
