#!/bin/sh
# Train once well and once with a learning rate a thousand times too high; then ask what happened.
# Run it by `make demo`, which makes the environment; what it writes is in .demo.
set -eu
cd "$(dirname "$0")/.."
steps=${DEMO_STEPS:-220}
folder=${DEMO_FOLDER:-.demo}
export DEBUGSTORE_URL="$folder/debugstore.db"
rm -rf "$folder"
mkdir -p "$folder/logs"

title() {
    printf '\n=== %s\n\n' "$1"
}

show() {
    printf '\n$ %s\n\n' "$*"
    "$@"
}

train() {
    python examples/train.py --run_name "$@" --steps "$steps" \
        --saving_path "$folder/$1" --debug_log_dir "$folder/logs"
}

title "A healthy training"
train healthy
title "The same with a learning rate a thousand times too high"
train lr-1 --lr 1
title "What happened?"
show debugstore ingest "$folder/logs"
show debugstore report healthy
show debugstore report lr-1
show debugstore compare healthy lr-1
