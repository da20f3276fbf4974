"""What a document is worth: measures over Arrow columns, rules that judge them."""
