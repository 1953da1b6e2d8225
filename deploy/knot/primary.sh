#!/bin/sh
# Start the primary in a container (deploy/compose.yaml): the first time primary.conf goes into the configuration database, from then on
# the worker changes it. KNOT_STORAGE: its folder; KNOT_SOCKET: its control socket; KNOT_LISTEN: address@port.
set -eu
umask 027
confdb=$KNOT_STORAGE/confdb
mkdir -p "$KNOT_STORAGE/db" # knotd makes no folder for its journal
if [ ! -e "$confdb/data.mdb" ]; then
  # Imported beside its place: a container that is stopped half-way begins anew.
  rm -rf "$confdb.new"
  sed -e "s|@STORAGE@|$KNOT_STORAGE|g" -e "s|@SOCKET@|$KNOT_SOCKET|g" -e "s|@LISTEN@|$KNOT_LISTEN|g" \
    "$(dirname "$0")/primary.conf" >"$KNOT_STORAGE/primary.conf"
  knotc -C "$confdb.new" conf-import "$KNOT_STORAGE/primary.conf"
  mv "$confdb.new" "$confdb"
fi
exec knotd -C "$confdb"
