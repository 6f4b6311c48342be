"""What a person can set: one declaration per setting, one TOML file. No Qt, and no secrets (those are in the keyring).

kinds.py     what a setting can be (a switch, a number, a choice, a text, a folder) and what it accepts
declared.py  every setting there is
store.py     the file: read, checked, written, set aside when it's broken
toml.py      writing TOML; Python's own library only reads it
"""
