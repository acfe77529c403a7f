"""Requests whose writes are one transaction: repeated safely, or only tried."""
