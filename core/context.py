"""What every page's frame needs."""


def frame(request):
    return {}
