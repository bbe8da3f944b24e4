"""Text to safe HTML: Markdown with formulas and code, differences, small charts; and the cutting of text into
sentences."""
