"""The nginx engine: joins the Sites of all Applications into one configuration, and keeps one nginx serving exactly that."""
