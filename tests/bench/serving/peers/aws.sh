#!/bin/sh
# As in the sample's `serve`: nginx and gunicorn, connected by a Unix socket.
set -eu
sed "s/PORT/$PORT/" nginx.conf > /tmp/nginx.conf
nginx -c /tmp/nginx.conf &
exec /opt/aws/bin/gunicorn --worker-class gevent --workers 1 --bind unix:/tmp/gunicorn.sock aws:app
