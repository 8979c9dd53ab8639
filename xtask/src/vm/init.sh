#!/bin/busybox sh
# The first process of a machine of `cargo xtask vm`.
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp NO_COLOR=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t securityfs security /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t debugfs debug /sys/kernel/debug 2>/dev/null
for module in inet_diag tcp_diag tun; do
    if [ -f /lib/$module.ko ]; then insmod /lib/$module.ko; fi
done
ip link set lo up
read -r line < /proc/version
# The firmware leaves its line unfinished.
echo
echo "@version $line"
echo "@machine $(uname -m)"
echo "@lockdown $(cat /sys/kernel/security/lockdown)"
whohungup check
echo "@check $(whohungup check --json)"
whohungup selftest --json SCENARIO
echo "@selftest $?"
sync
poweroff -f
