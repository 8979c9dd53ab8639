# python server_waitress.py HOST PORT HASTY: serves wsgi.py beside it.
import sys

import waitress
from wsgi import application

host, port, hasty = sys.argv[1:]
# It looks at its connections every `cleanup_interval` seconds.
waitress.serve(application, host=host, port=int(port), threads=200, connection_limit=2000, backlog=1024,
               send_bytes=1, cleanup_interval=1, channel_timeout=2 if hasty == "1" else 120)
