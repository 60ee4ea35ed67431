#!/bin/bash
# A dataset made by a Slurm job array: sbatch --array=0-99 slurm_array.sh
# Task k makes PER shards; the task that makes the last one of all writes the closing files.
#SBATCH --cpus-per-task=1
#SBATCH --mem=1G
#SBATCH --time=01:00:00
: "${N:=1000000}" "${SIZE:=1000}" "${PER:=10}" "${OUT:=big-set}"
first=$((SLURM_ARRAY_TASK_ID * PER))
sirstgen synth --n "$N" --shard-size "$SIZE" --shards "$first-$((first + PER - 1))" --seed 7 --workers 1 --out "$OUT"
