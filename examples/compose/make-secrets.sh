#!/bin/sh
# Makes the secrets of compose.yaml in a folder, unless they are there. Only the folder's owner gets
# into it; the files are for any user, since those in the containers are other ones than here.
set -eu
folder=${1:-var/secrets}

random() {
    head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

# A file appears whole, or not at all.
put() {
    printf '%s\n' "$2" >"$folder/$1.new"
    chmod 0444 "$folder/$1.new"
    mv "$folder/$1.new" "$folder/$1"
}

mkdir -p "$folder"
chmod 0700 "$folder"
[ -s "$folder/secret_key" ] || put secret_key "$(random 48)"
[ -s "$folder/database_password" ] || put database_password "$(random 24)"
[ -s "$folder/database_url" ] ||
    put database_url "postgresql://deskgraph:$(cat "$folder/database_password")@database:5432/deskgraph"
