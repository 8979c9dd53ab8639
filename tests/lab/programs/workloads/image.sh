# An image with a shell and `sleep` of this host, as `docker save` writes it: no registry is asked. Sourced, in the play's
# directory. What the containers run besides is the host's /usr, mounted read-only.

image() { # NAME ENTRYPOINT
    local work layer config
    work=$(mktemp -d image.XXXXXX)
    mkdir -p "$work"/root/{bin,etc,proc,sys,dev,tmp,usr,lib,lib64,lab} "$work/archive"
    for program in /bin/sh /bin/sleep; do
        cp -L --parents "$program" $(ldd "$program" | grep -o '/[^ ]*') "$work/root"
    done
    tar --sort=name --mtime=@0 --owner=0 --group=0 -C "$work/root" -cf "$work/archive/layer.tar" .
    layer=$(sha256sum < "$work/archive/layer.tar" | cut -c1-64)
    printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/usr/bin:/bin"],"Entrypoint":%s},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$(dpkg --print-architecture)" "$2" "$layer" > "$work/config.json"
    config=$(sha256sum < "$work/config.json" | cut -c1-64)
    mv "$work/config.json" "$work/archive/$config.json"
    printf '[{"Config":"%s.json","RepoTags":["localhost/whohungup/%s:latest"],"Layers":["layer.tar"]}]' "$config" "$1" > "$work/archive/manifest.json"
    tar -C "$work/archive" -cf "$1.tar" manifest.json "$config.json" layer.tar
    rm -rf "$work"
}
