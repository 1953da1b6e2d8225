"""Where everything meets: settings, faces, command line. The only place that knows all rooms."""
