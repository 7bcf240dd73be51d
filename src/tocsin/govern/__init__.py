"""What looks at whole ways and answers for them.

``law``
    which office may issue which level on which legal basis, and where there is none.
``permissions``
    which role may do what, for every door.
``audit``
    the journal of decisions, verified without trusting the code that wrote it.
``limits``
    no data on persons: names of fields, columns and keys.
``registers``
    sources with their licences; methods with their settings.
"""
