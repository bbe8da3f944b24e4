"""How dates and times are written, where Django's own way would be read differently in different countries
(FORMAT_MODULE_PATH)."""
