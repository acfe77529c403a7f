"""Writes of up to 100 tickets in one transaction, by the rules and with the events of single ones.

How many statements a batch takes does not depend on how many tickets it has.
"""
