import unittest

import greeter


class Greet(unittest.TestCase):
    def test_somebody_is_greeted_by_name(self) -> None:
        self.assertEqual(greeter.greet("Ada"), "Hello, Ada!")

    def test_spaces_around_and_inside_a_name_are_tidied(self) -> None:
        self.assertEqual(greeter.greet("  Ada   Lovelace "), "Hello, Ada Lovelace!")

    def test_nobody_is_greeted_as_the_world(self) -> None:
        self.assertEqual(greeter.greet(" "), "Hello, world!")


if __name__ == "__main__":
    unittest.main()
