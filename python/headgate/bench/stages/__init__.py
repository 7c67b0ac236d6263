"""Where the time of a call goes inside headgate: its own profile of stages, switched on, loaded and read."""
