"""Records to text and pixels; no module here computes, opens a file or queries the terminal."""
