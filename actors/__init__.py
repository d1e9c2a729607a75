"""One single-writer actor per company book and a purse per lender, over Redis; the protocol is in functions.lua."""
