#!/bin/sh
# As BentoML's entrypoint.sh: the arguments of the container go to bentoml.
exec bentoml "$@" service:Multiplication
