"""What no server can beat: HTTP alone, the load generators alone, decoding and the engine without HTTP."""
