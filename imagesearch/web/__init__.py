"""The web server: gunicorn starts, watches and restarts its processes; in each of them waitress answers requests.

waitress receives requests and sends responses in one thread, for all connections, and hands whole requests to the
threads of the site. So clients that are slow, or that send half a request, occupy a connection and nothing else.
"""
