#!/bin/sh
# Print running, success or failed for a PBS job: status.sh JOB. Needs a server that keeps finished jobs
# (`qmgr -c 'list server job_history_enable'`).
answer=$(qstat -x -f "$1" 2>/dev/null)
case $? in
0) ;;
153) echo failed && exit ;; # unknown: it was deleted, or finished longer ago than the server remembers
*) echo running && exit ;; # the server does not answer: ask again
esac
field() { printf '%s\n' "$answer" | sed -n "s/^ *$1 = //p"; }
case $(field job_state) in
F | X) if [ "$(field Exit_status)" = 0 ]; then echo success; else echo failed; fi ;;
*) echo running ;;
esac
