"""Qt item models over our objects: what lists and trees show."""
