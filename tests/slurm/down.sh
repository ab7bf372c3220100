#!/usr/bin/env bash
# Stop the Slurm that up.sh FOLDER started: its jobs and the processes in its pid files, no others.
set -uo pipefail

folder=$(realpath -m "$1")
export SLURM_CONF=$folder/etc/slurm.conf

stop() { # PIDFILE
    local process
    process=$(cat "$1" 2>/dev/null) && [ -n "$process" ] || return 0
    kill -TERM "$process" 2>/dev/null
    for _ in $(seq 100); do
        kill -0 "$process" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$process" 2>/dev/null
    rm -f "$1"
}

[ -e "$SLURM_CONF" ] || exit 0
timeout 10 scancel --user="$(id -un)" 2>/dev/null
for _ in $(seq 20); do
    [ -n "$(timeout 5 squeue -h 2>/dev/null)" ] || break
    sleep 0.5
done
for daemon in run/slurmd-gpu01 run/slurmd-cpu01 run/slurmctld run/slurmdbd db/mariadbd run/munged; do
    stop "$folder/$daemon.pid"
done
[ "$(readlink /etc/slurm/slurm.conf)" != "$SLURM_CONF" ] || rm -f /etc/slurm/slurm.conf
