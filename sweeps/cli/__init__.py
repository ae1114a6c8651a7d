"""The commands of `xstilts`. They know everything below; they alone print, and end the program."""
