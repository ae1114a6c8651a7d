
set -u
cd -- @FOLDER@ || exit 2
@SETUP@
@SWEEPS@
say() { printf 'xstilts: %s\n' "$*" >&2; }
for name in @NAMES@; do
  [ -n "${!name+set}" ] || { say "$name is not in the job's environment: set it where sbatch is called" && exit 2; }
done

# The token without which nobody talks to this job's Ray: made here, handed over by srun in the environment.
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0

# Three ports of this host, the first node, that nobody listens at; jobs begin to look at different ones.
ip=$(getent ahostsv4 "$(hostname)" | awk '$1 !~ /^127\./ {print $1; exit}')
ip=${ip:-$(hostname -I | awk '{print $1}')}
taken() { (: <"/dev/tcp/$ip/$1") 2>/dev/null || (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=$((20000 + SLURM_JOB_ID % 2500 * 4))
while taken "$port" || taken $((port + 1)) || taken $((port + 2)); do port=$((20000 + (port - 19996) % 10000)); done

step=(srun --quiet --overlap --export=ALL --mpi=none --kill-on-bad-exit=0 --wait=0
  --ntasks-per-node=1 --cpus-per-task="${SLURM_CPUS_PER_TASK:-$SLURM_CPUS_ON_NODE}")
inside=(@INSIDE@)

# Ray on every node, as long as its standard input is open; each node says "ready".
driver='' notice='' code=2
trap 'notice=time; stop' USR1
trap 'notice=${notice:-end}' TERM # Slurm gives it to every step: the driver has it already, Ray takes no notice
stop() { # the step appears a moment after its srun; what some scancels say of one that they have reached is no error
  while [ -n "$driver" ] && kill -0 "$driver" 2>/dev/null; do
    step_id=$(squeue -h -s -j "$SLURM_JOB_ID" -o '%i %j' | awk '$2 == "driver" {print $1}')
    [ -z "$step_id" ] || { scancel --signal=TERM "$step_id" 2>/dev/null; break; }
    sleep 1
  done
}
coproc nodes {
  "${step[@]}" --job-name=ray --nodes="$SLURM_NNODES" --ntasks="$SLURM_NNODES" "${inside[@]}" \
    @PYTHON@ -P -m cluster.slurm.node --address "$ip:$port"@SCRATCH@
}
told=${nodes[0]} hold=${nodes[1]} ray=$! ready=0
while [ "$ready" -lt "$SLURM_NNODES" ] && IFS= read -r -t 300 line <&"$told" && [ "$line" = ready ]; do
  ready=$((ready + 1))
done

on_head=("${step[@]}" --nodes=1 --ntasks=1 --nodelist="$SLURMD_NODENAME")
if [ "$ready" = "$SLURM_NNODES" ] && [ -z "$notice" ]; then
  "${on_head[@]}" --job-name=driver "${inside[@]}" @XSTILTS@ run "${sweep[@]}" --address "$ip:$port" &
  driver=$!
  until wait "$driver"; code=$?; ! kill -0 "$driver" 2>/dev/null; do :; done # a signal ends `wait`, not the driver
  wait "$driver"; code=$?
elif [ -z "$notice" ]; then
  say "only $ready of $SLURM_NNODES nodes are ready: the lines above say why"
fi
exec {hold}>&-
for _ in {1..60}; do kill -0 "$ray" 2>/dev/null || break; sleep 0.5; done

again=''
if [ "$notice" = time ]; then
  again=1
elif [ -z "$notice" ] && [ "$code" = 130 ] && scontrol show job "$SLURM_JOB_ID" | grep -q ' PreemptTime=[0-9]'; then
  again=1 # a job of higher priority wants the nodes; whoever else stopped the driver meant it
fi
if [ -n "$again" ] && [ "$code" != 0 ] && @REQUEUE@; then
  # What is done and saved, as a word that Slurm keeps with the job: equal twice, nothing was gained in between.
  got=$("${on_head[@]}" "${inside[@]}" @XSTILTS@ status "${sweep[@]}" --json | sha256sum | cut -c1-16)
  if scontrol show job "$SLURM_JOB_ID" | grep -q "Comment=progress-$got"; then
    say "no step got further since the job started the last time, so it does not start again: give it more --time"
    exit 1
  fi
  scontrol update JobId="$SLURM_JOB_ID" Comment="progress-$got"
  say "stopped by Slurm's notice; the job starts again and goes on from what is saved"
  scontrol requeue "$SLURM_JOB_ID" && sleep 60 # Slurm ends this script
fi
exit "$code"
