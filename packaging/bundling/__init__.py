"""What `packaging/bundle.py` is made of: trimming, licence notices, icons, and the wrapping for each system."""
