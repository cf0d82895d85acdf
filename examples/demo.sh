#!/bin/sh
# Train once well and once with a learning rate a thousand times too high; then ask what happened.
# Run it by `make demo`, which makes the environment; what it writes is in .demo.
set -eu
cd "$(dirname "$0")/.."
steps=${DEMO_STEPS:-220}
export DEBUGSTORE_URL=.demo/debugstore.db
rm -rf .demo
mkdir -p .demo/logs

title() {
    printf '\n=== %s\n\n' "$1"
}

show() {
    printf '\n$ %s\n\n' "$*"
    "$@"
}

title "A healthy training"
python examples/train.py --run_name healthy --steps "$steps" --saving_path .demo/healthy --debug_log_dir .demo/logs
title "The same with a learning rate a thousand times too high"
python examples/train.py --run_name lr-1 --lr 1 --steps "$steps" --saving_path .demo/lr-1 --debug_log_dir .demo/logs
title "What happened?"
show debugstore ingest .demo/logs
show debugstore report healthy
show debugstore report lr-1
show debugstore compare healthy lr-1
