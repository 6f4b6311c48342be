"""How an error is said to a person."""


def sentence(problem: Exception) -> str:
    """What the error says, begun with a capital and ended with a full stop."""
    text = str(problem) or type(problem).__name__
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
