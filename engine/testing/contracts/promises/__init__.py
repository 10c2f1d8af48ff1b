"""What a store promises, concern by concern; `StoreContract` is all of them."""
