"""The HTTP API, the page without JavaScript, CAP for the world, and the built front: over ``ops`` only.

``app``
    the application and its error answers.
``gate``
    who may do what: sessions, forged requests, permissions of routes.
``answer``
    JSON, ETags, pages of lists.
``shield``
    size limits and headers around everything.
``routes``
    the resources by subject.
"""

from tocsin.api.app import create_app

__all__ = ["create_app"]
