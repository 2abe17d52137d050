#!/bin/sh
# Gives each service of docker-compose.yml its certificate, its key and the CA, in a volume of its
# own that uid 1000 reads. Repeatable; files arrive by rename, because running nodes watch them.
set -eu
umask 077
uid=1000

install_file() { # $1: file in /certs  $2: mode  $3: destination
  [ -f "/certs/$1" ] || {
    echo "install-certs.sh: certs/$1 is missing; run ./gen.sh certs first" >&2
    exit 1
  }
  cp "/certs/$1" "$3.new"
  chown "$uid:$uid" "$3.new"
  chmod "$2" "$3.new"
  mv -f "$3.new" "$3"
}

install_pair() { # $1: name of the pair  $2: service  $3: name there
  install_file ca.crt 444 "/tls/$2/ca.crt"
  install_file "$1.key" 400 "/tls/$2/$3.key"
  install_file "$1.crt" 444 "/tls/$2/$3.crt"
  chown "$uid:$uid" "/tls/$2"
  chmod 500 "/tls/$2"
}

for node in cashe0 cashe1 cashe2 cashe3; do
  install_pair "$node" "$node" node
done
install_pair client client client
install_pair admin admin client
