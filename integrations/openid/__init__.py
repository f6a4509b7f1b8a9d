"""The company's identity provider, which says who a person is: OpenID Connect."""
