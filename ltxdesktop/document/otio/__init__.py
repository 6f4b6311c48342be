"""A document as OpenTimelineIO text and back: pure conversion, without disk and without the OpenTimelineIO library.

`write` makes the text, `read` reads it (ours exactly, other tools' as well as it goes), `upgrades` brings older schema
versions of ours to the present one, `names` holds what the three agree on. Files are the business of `project`.

The file is a `Timeline.1` of the open sequence that any OpenTimelineIO tool shows. What OpenTimelineIO has no place for
is in `metadata["ltxdesktop"]` of the object that it belongs to; the other sequences are whole timelines in
`metadata["ltxdesktop"]["project"]["sequences"]` of the root. Where both say the same (the start of a clip), the
OpenTimelineIO field is the truth, so that another tool's trim isn't lost, and our exact fraction is used as long as it
says the same to the last bit of the float.
"""
