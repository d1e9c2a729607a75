"""What is likely to come: time to fill, what-if, idle money and the outlook of a request, from book and history."""
