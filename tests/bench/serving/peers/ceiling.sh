#!/bin/sh
# nginx takes no variables: the port is filled in.
set -eu
sed "s/PORT/$PORT/" ceiling.conf > /tmp/nginx.conf
exec nginx -c /tmp/nginx.conf
