#!/bin/sh
# nginx's configuration has no variables for ports, so sed inserts the port.
set -eu
sed "s/PORT/$PORT/" limits/ceiling.conf > /tmp/nginx.conf
exec nginx -c /tmp/nginx.conf
