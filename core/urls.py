"""Pages of this room."""

from django.urls import path

from core.accounts import member_views, views
from core.jobs import views as jobs_views

urlpatterns = [
    path("", views.home, name="home"),
    path("login/", views.login_page, name="login"),
    path("logout/", views.logout_page, name="logout"),
    path("account/", views.account, name="account"),
    path("account/password/", views.password, name="password"),
    path("preferences/", views.preferences, name="preferences"),
    path("invite/<str:token>/", views.invite, name="invite"),
    path("p/<slug:slug>/members/", member_views.members, name="members"),
    path("p/<slug:slug>/members/add/", member_views.add_people, name="members_add"),
    path("p/<slug:slug>/members/invite/", member_views.create_invite, name="members_invite"),
    path(
        "p/<slug:slug>/members/invite/<int:pk>/revoke/",
        member_views.revoke_invite,
        name="members_invite_revoke",
    ),
    path("p/<slug:slug>/members/<int:pk>/role/", member_views.change_role, name="member_role"),
    path("p/<slug:slug>/members/<int:pk>/remove/", member_views.remove, name="member_remove"),
    path("p/<slug:slug>/members/<int:pk>/password/", member_views.reset_password, name="member_password"),
    path("p/<slug:slug>/keys/", member_views.keys, name="keys"),
    path("p/<slug:slug>/keys/<int:pk>/rotate/", member_views.rotate_key, name="key_rotate"),
    path("p/<slug:slug>/keys/<int:pk>/revoke/", member_views.revoke_key, name="key_revoke"),
    path("p/<slug:slug>/jobs/<int:pk>/", jobs_views.job_page, name="job"),
    path("p/<slug:slug>/jobs/<int:pk>/cancel/", jobs_views.job_cancel, name="job_cancel"),
]
