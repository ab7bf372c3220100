#!/usr/bin/env bash
# Start a real Slurm on this machine: two nodes, accounting, and two GPUs that only the scheduler knows.
# up.sh FOLDER keeps everything below FOLDER, except the link /etc/slurm/slurm.conf. Needs Debian and root, no systemd.
# Its ports are fixed, so only one such cluster can run at a time.
set -euo pipefail
shopt -s inherit_errexit

folder=$(realpath -m "$1")
here=$(dirname "$(realpath "$0")")
host=$(hostname -s)
export SLURM_CONF=$folder/etc/slurm.conf
export PATH=$PATH:/usr/sbin:/sbin # the daemons' folder

main() {
    check
    make_folders
    configure slurm.conf gres.conf slurmdbd.conf task_prolog.sh
    chmod 755 "$folder/etc/task_prolog.sh"
    chmod 600 "$folder/etc/slurmdbd.conf" # slurmdbd insists, for the password
    ln -sfn "$SLURM_CONF" /etc/slurm/slurm.conf # srun inside a job loses SLURM_CONF
    start_authentication
    start_accounting
    start_scheduler
}

fail() {
    echo "up.sh: $*" >&2
    exit 1
}

check() {
    [ "$(id -u)" -eq 0 ] || fail "must be root: the daemons have users of their own"
    for program in slurmctld slurmd slurmdbd sbatch munged mariadbd; do
        command -v "$program" >/dev/null || fail "$program is missing: apt-get install slurmctld slurmd slurm-client \
slurmdbd munge mariadb-server"
    done
    [ ! -e /etc/slurm/slurm.conf ] || [ -L /etc/slurm/slurm.conf ] || fail "/etc/slurm/slurm.conf is another cluster's"
    local other
    other=$(readlink /etc/slurm/slurm.conf) || return 0
    [ "$other" = "$SLURM_CONF" ] || ! running "${other%/etc/slurm.conf}/run/slurmctld.pid" || fail "$other is in use"
}

make_folders() {
    mkdir -p "$folder"/{etc,log,run,state,spool-cpu01,spool-gpu01,db,munge,dev} /etc/slurm
    chmod 755 "$folder" "$folder/munge"
    [ -s "$folder/munge/key" ] || dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none
    chmod 400 "$folder/munge/key"
    chown -R munge:munge "$folder/munge"
    chown -R mysql:mysql "$folder/db"
    for gpu in 0 1; do
        ln -sfn /dev/null "$folder/dev/nvidia$gpu"
    done
}

configure() {
    for name in "$@"; do
        sed -e "s|@FOLDER@|$folder|g" -e "s|@HOST@|$host|g" "$here/$name.in" >"$folder/etc/$name"
    done
}

running() { # PIDFILE
    [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null
}

wait_for() { # SECONDS COMMAND...: every try has a timeout, because some clients retry for minutes
    local end=$((SECONDS + $1))
    shift
    until timeout 10 "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || { tail -n 5 "$folder"/log/* >&2 && fail "gave up waiting for: $*"; }
        sleep 0.2
    done
}

start_authentication() {
    if ! running "$folder/run/munged.pid"; then
        rm -f "$folder"/munge/socket*
        touch "$folder/run/munged.pid" && chown munge "$folder/run" "$folder/run/munged.pid"
        setpriv --reuid munge --regid munge --clear-groups munged --force --key-file="$folder/munge/key" \
            --socket="$folder/munge/socket" --pid-file="$folder/run/munged.pid" \
            --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
    fi
    wait_for 10 munge --socket "$folder/munge/socket" --no-input
}

start_accounting() {
    local socket=$folder/db/socket
    [ -d "$folder/db/data/mysql" ] || mariadb-install-db --no-defaults --user=mysql --datadir="$folder/db/data" \
        --skip-test-db --auth-root-authentication-method=normal >"$folder/log/install-db.log" 2>&1
    if ! running "$folder/db/mariadbd.pid"; then
        nohup mariadbd --no-defaults --user=mysql --datadir="$folder/db/data" --socket="$socket" \
            --pid-file="$folder/db/mariadbd.pid" --bind-address=127.0.0.1 --port=13306 --skip-name-resolve \
            --innodb-buffer-pool-size=64M --innodb-log-file-size=32M --innodb-lock-wait-timeout=900 \
            </dev/null >"$folder/log/mariadbd.log" 2>&1 &
    fi
    wait_for 60 mariadb-admin --no-defaults -uroot -S "$socket" ping
    mariadb --no-defaults -uroot -S "$socket" -e "CREATE DATABASE IF NOT EXISTS slurm_acct_db;
        CREATE USER IF NOT EXISTS 'slurm'@'127.0.0.1' IDENTIFIED BY 'slurm';
        GRANT ALL ON slurm_acct_db.* TO 'slurm'@'127.0.0.1';"
    running "$folder/run/slurmdbd.pid" || slurmdbd
    wait_for 60 sacctmgr -n show cluster
    for entity in "cluster private" "account your_account Cluster=private" "user $(id -un) Account=your_account"; do
        # shellcheck disable=SC2086 -- the words of an entity are arguments; an existing entity is no error
        timeout 30 sacctmgr -i -Q add $entity >/dev/null 2>&1 || true
    done
}

start_scheduler() {
    running "$folder/run/slurmctld.pid" || slurmctld
    wait_for 30 scontrol ping
    for node in cpu01 gpu01; do
        running "$folder/run/slurmd-$node.pid" || slurmd -N "$node"
    done
    wait_for 60 bash -c nodes_are_up
}

nodes_are_up() {
    [ "$(sinfo -h -N -o '%N %T' | sort -u | grep -cE ' (idle|mixed|allocated|completing)$')" -eq 2 ] && return 0
    scontrol update nodename=cpu01,gpu01 state=resume # after an unclean stop nodes are down
    return 1
}
export -f nodes_are_up # for timeout, which runs programs only

main
