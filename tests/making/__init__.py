"""Images that tests of several parts are made from."""
