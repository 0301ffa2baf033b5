"""Records to text and pixels; nothing here computes, opens a file or asks for a terminal."""
