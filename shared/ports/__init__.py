"""What the use cases need from the world, as Protocols named by domain nouns; `shared.adapters` meets them."""
