#!/bin/sh
# What the sample's `serve` does: nginx and gunicorn, side by side, a socket between them.
set -eu
sed "s/PORT/$PORT/" nginx.conf > /tmp/nginx.conf
nginx -c /tmp/nginx.conf &
exec /opt/aws/bin/gunicorn --worker-class gevent --workers 1 --bind unix:/tmp/gunicorn.sock aws:app
