"""What lenders declare: strategies, the offers made from them, and the limits of both."""
