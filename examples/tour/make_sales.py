#!/usr/bin/env python3
"""Make data/sales.csv: a year of orders of an invented outdoor shop.

usage: make_sales.py > data/sales.csv

The same bytes each time: the numbers come from a generator of its own.
"""

import datetime

ROWS = 4000
REGIONS = ("North", "South", "East", "West")
CHANNELS = ("web", "web", "web", "shop", "shop", "phone")
PRODUCTS = (  # name, price in cents, how much winter adds, in per cent
    ("Trail shoe", 11900, -20), ("Rain jacket", 14900, 30),
    ("Down jacket", 24900, 120), ("Day pack", 8900, -10),
    ("Tent, two persons", 29900, -60), ("Sleeping bag", 17900, -30),
    ("Head lamp", 4900, 40), ("Water bottle", 1900, -40),
    ("Merino shirt", 6900, 20), ("Camp stove", 7900, -50),
)


class Numbers:
    """A linear congruential generator (Numerical Recipes' constants)."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return (self.state >> 8) % limit


def main():
    numbers = Numbers(2025)
    first = datetime.date(2025, 1, 1)
    print("order,date,region,channel,product,units,unit_price")
    order = 0
    while order < ROWS:
        day = first + datetime.timedelta(days=(order * 365) // ROWS)
        winter = day.month in (1, 2, 11, 12)
        name, cents, bonus = PRODUCTS[numbers.below(len(PRODUCTS))]
        if winter and numbers.below(100) < -bonus:
            continue
        units = 1 + numbers.below(3) * numbers.below(2)
        if winter and numbers.below(100) < bonus:
            units += 1
        order += 1
        field = f'"{name}"' if "," in name else name
        print(f"{100000 + order},{day},{REGIONS[numbers.below(4)]},"
              f"{CHANNELS[numbers.below(6)]},{field},{units},"
              f"{cents / 100:.2f}")


if __name__ == "__main__":
    main()
