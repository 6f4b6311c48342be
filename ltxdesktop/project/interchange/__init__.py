"""Films to and from other programs: CMX 3600 edit lists, Final Cut Pro 7 XML (Premiere, Resolve, Kdenlive), FCPXML.

`exchange` is the door: which formats there are, and one function each way. Every import and export says in sentences
what couldn't be carried over.
"""
