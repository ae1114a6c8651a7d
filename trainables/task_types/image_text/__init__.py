"""Image-text alignment: a caption shall be nearer to its image than to another one."""
