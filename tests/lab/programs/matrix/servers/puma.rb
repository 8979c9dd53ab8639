bind 'tcp://@at@?backlog=1024'
environment 'production'
threads 0, 200
quiet
first_data_timeout @limit@
persistent_timeout @limit@
force_shutdown_after 3
